"""The promises of the contract, one module per kind; `adapter_contract.contract` joins them."""
