package detect

// AnyEvent is for the tests that need the configuration as well.
var AnyEvent = anyEvent
