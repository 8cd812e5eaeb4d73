"""What becomes of a candidate: the gate, registered versions and their evidence, who goes into service and back."""
