//! What a contract promises per method, and the rules that make a promise unsafe.
