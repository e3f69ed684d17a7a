"""The Python client: documents of a studio, editable with and without a network."""
