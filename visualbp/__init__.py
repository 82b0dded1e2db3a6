"""A visual debugger for backpropagation. Only the version lives here, so that importing the package costs nothing."""

import os

__version__ = "0.1.0"

# One thread for matrix products, unless the person's environment says otherwise. The networks that people take apart
# are small: more threads make them up to five times slower, and take the processor that draws the window. It has to be
# said before NumPy is imported.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_variable, "1")
