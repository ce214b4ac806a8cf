//! Who tells, as OpenTelemetry names it.

names! {
    /// The logical name of the service.
    SERVICE_NAME = "service.name";
    /// One instance of it, another one than every other instance's.
    SERVICE_INSTANCE_ID = "service.instance.id";
}
