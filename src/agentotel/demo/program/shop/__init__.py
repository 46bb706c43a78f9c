"""The shop's support desk: agents, their tools and the middleware around them."""
