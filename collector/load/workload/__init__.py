"""A made-up company's agents, the model that they talk to, and the plan of what happens to them."""
