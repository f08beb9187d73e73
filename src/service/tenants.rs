//! Tenants: onboarding, loading, applying a file.
