"""The mathematics: each operation with its forward rule, its reverse-mode and forward-mode derivative, and its equations."""
