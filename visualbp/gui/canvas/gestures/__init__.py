"""What the pointer does on the canvas: one class for each gesture, with a start, moves, and an end or a cancelling."""
