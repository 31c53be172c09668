"""Any document to one tree, and the tree to chunks: what can be quoted as an answer."""
