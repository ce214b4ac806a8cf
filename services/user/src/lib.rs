//! The user service: users, profiles and sessions.
