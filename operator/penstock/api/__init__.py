"""Wire types: the objects as users write them and as the API server keeps them."""
