//! A payment provider to develop and test against, with its own durable books and tokens that misbehave.
