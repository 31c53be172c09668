"""What every call needs: the protocol, calls, storage, events, and the edge to the network."""
