package event

import "time"

// A Match is one reason to alert: the allow-list does not let an open socket
// pass, or a rule returned true for it. The life cycle of alerts lives on it.
type Match struct {
	Rule     string // RuleID, or the name of the policy that gave the verdict
	Title    string
	Dedup    string // matches with the same Rule and Dedup are one alert
	Severity Severity

	Explain     string // why, one line
	Description string
	Runbook     string
	Reference   string

	Threshold int           // matches inside Period before the alert opens; 0 and 1 mean the first
	Period    time.Duration // dedup period

	// Destinations names the receivers; nil means those of the
	// configuration, empty but not nil means none.
	Destinations []string

	// Context is the rule's alert_context: values that encoding/json takes.
	Context map[string]any
}
