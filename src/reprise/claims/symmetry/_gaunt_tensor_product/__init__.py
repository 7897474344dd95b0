"""Parts of the claims of `gaunt_tensor_product`."""
