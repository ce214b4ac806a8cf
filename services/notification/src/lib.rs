//! The notification service: mails, their history, and the administration of parked events.
