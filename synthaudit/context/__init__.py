"""What the set-level measures in use elsewhere say: context, never a verdict."""
