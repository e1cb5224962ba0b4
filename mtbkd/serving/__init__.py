"""Students in use: made into a bundle (``making``), asked about proteins (``predicting``), with a risk chosen (``risk``)."""
