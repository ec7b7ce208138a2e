package format

import (
	"encoding/json"
	"strings"

	"portwatch/internal/event"
)

// slackBytes bounds the text of a Slack message, which refuses longer ones.
const slackBytes = 3000

// Slack encodes for an incoming webhook of Slack, or of Mattermost and others
// that speak the same.
func Slack(m *Message) ([]byte, error) {
	title, text := slackText(Title(m)), slackText(Text(m))
	return json.Marshal(object{
		"text": title,
		"attachments": []object{{
			"fallback": title,
			"color":    slackColour(m),
			"text":     text,
			"footer":   "portwatch",
			"ts":       messageTime(m).Unix(),
		}},
	})
}

// slackText returns s as Slack shows it: a name that says <!channel> must not
// wake everybody.
func slackText(s string) string {
	s = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
	if len(s) > slackBytes {
		s = strings.ToValidUTF8(s[:slackBytes], "") + "…"
	}
	return s
}

func slackColour(m *Message) string {
	switch {
	case m.Resolved():
		return "#2eb67d"
	case m.Severity() >= event.High:
		return "#e01e5a"
	case m.Severity() >= event.Medium:
		return "#ecb22e"
	}
	return "#36c5f0"
}
