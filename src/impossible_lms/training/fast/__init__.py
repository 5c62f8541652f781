"""What makes a step quick, on a processor as on a GPU. It needs torch at once, so only functions import it."""
