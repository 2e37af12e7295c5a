"""Speed, memory and accuracy, side by side with what lies underneath, in one run."""
