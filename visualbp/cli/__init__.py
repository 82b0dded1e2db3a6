"""The command line. Only the window and the screenshot need Qt; everything else runs without a display."""
