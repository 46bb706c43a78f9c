"""The demo: an agent program that knows nothing of agentotel, and the model server that it talks to."""
