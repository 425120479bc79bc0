//! Who may sign in: identity providers, minted credentials, the state store.
