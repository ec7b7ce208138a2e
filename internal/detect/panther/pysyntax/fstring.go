package pysyntax

import "strings"

// strings reads a literal and those that follow it, which Python joins.
func (p *parser) strings() Expr {
	pos := p.tok().pos
	var parts []Expr
	bytes, texts, formatted := false, false, false
	for p.tok().kind == str {
		t := p.next()
		n := stringPrefix(t.text)
		prefix := strings.ToLower(t.text[:n])
		quote := quoteOf(t.text[n:])
		body := t.text[n+len(quote) : len(t.text)-len(quote)]
		raw := strings.Contains(prefix, "r")
		switch {
		case strings.Contains(prefix, "f"):
			formatted, texts = true, true
			parts = append(parts, p.fstring(t, body, quote, raw)...)
			continue
		case strings.Contains(prefix, "b"):
			bytes = true
			for i := range len(body) {
				if body[i] >= 0x80 {
					p.fail(t.pos, "syntax error: a bytes literal holds more than ASCII")
				}
			}
		default:
			texts = true
		}
		parts = append(parts, &Const{t.pos, p.text(t.pos, body, raw, bytes)})
	}
	if bytes && texts {
		p.fail(pos, "syntax error: bytes and text cannot be joined")
	}
	parts = joinText(parts)
	if formatted {
		return &JoinedStr{pos, parts}
	}
	s := ""
	if len(parts) == 1 {
		s = parts[0].(*Const).Value.(string)
	}
	if bytes {
		return &Const{pos, Bytes(s)}
	}
	return &Const{pos, s}
}

func (p *parser) text(pos Pos, body string, raw, bytes bool) string {
	if raw {
		return normalizeNewlines(body)
	}
	s, msg := unescape(body, bytes)
	if msg != "" {
		p.fail(pos, msg)
	}
	return s
}

// joinText makes neighbouring texts one and drops empty ones.
func joinText(parts []Expr) []Expr {
	var list []Expr
	for _, x := range parts {
		c, ok := x.(*Const)
		if ok && c.Value == "" {
			continue
		}
		if n := len(list); ok && n > 0 {
			if last, ok := list[n-1].(*Const); ok {
				list[n-1] = &Const{last.Pos, last.Value.(string) + c.Value.(string)}
				continue
			}
		}
		list = append(list, x)
	}
	return list
}

// fstring reads the parts of an f-string's body.
func (p *parser) fstring(t token, body, quote string, raw bool) []Expr {
	if p.quotes >= 5 {
		p.fail(t.pos, "f-strings are nested too deeply")
	}
	p.quotes++
	defer func() { p.quotes-- }()
	begin := t.off + strings.Index(t.text, quote) + len(quote)
	at := &scanner{src: p.src, off: t.off, pos: t.pos}
	return p.fparts(t, at, begin, begin+len(body), quote, raw, false)
}

// fparts reads the literal and formatted parts of src[off:end]. In a format
// spec braces are not doubled. The scanner at counts lines; it moves forward.
func (p *parser) fparts(t token, at *scanner, off, end int, quote string, raw, spec bool) []Expr {
	var parts []Expr
	lit := off
	text := func(upto int, more string) {
		s := p.text(t.pos, p.src[lit:upto], raw, false) + more
		parts = append(parts, &Const{t.pos, s})
	}
	i := off
	for i < end {
		switch c := p.src[i]; {
		case c == '\\' && !raw && i+1 < end && p.src[i+1] != '{' && p.src[i+1] != '}':
			i += 2
		case !spec && (strings.HasPrefix(p.src[i:end], "{{") || strings.HasPrefix(p.src[i:end], "}}")):
			text(i, string(c))
			i += 2
			lit = i
		case c == '{':
			text(i, "")
			at.advance(i + 1 - at.off)
			s := &scanner{file: p.file, src: p.src, pos: at.pos}
			f, err := s.field(i+1, quote, 0)
			if err != nil {
				panic(err)
			}
			parts = append(parts, p.formatted(t, at, f, quote, raw)...)
			i = f.end
			lit = i
		case c == '}':
			p.fail(t.pos, "syntax error: a single } in an f-string")
		default:
			i++
		}
	}
	text(end, "")
	return parts
}

// formatted reads a field whose expression begins where at is.
func (p *parser) formatted(t token, at *scanner, f field, quote string, raw bool) []Expr {
	pos, off := at.pos, at.off
	s := &scanner{file: p.file, src: p.src[:f.expr], off: off, pos: pos, nested: true}
	tokens, err := s.scan()
	if err != nil {
		panic(err)
	}
	if len(tokens) == 1 {
		p.fail(pos, "syntax error: an empty field in an f-string")
	}
	inner := &parser{file: p.file, src: p.src, tokens: tokens, depth: p.depth + 1, quotes: p.quotes}
	inner.nest()
	x := inner.fieldExpr()
	if inner.tok().kind != endOfFile {
		inner.unexpected("expected the end of the field")
	}
	v := &Formatted{Pos: pos, X: x, Conv: f.conv}
	if f.spec > 0 {
		v.Spec = &JoinedStr{pos, joinText(p.fparts(t, at, f.spec, f.end-1, quote, raw, true))}
	}
	if !f.debug {
		return []Expr{v}
	}
	if f.conv == 0 && f.spec == 0 {
		v.Conv = 'r'
	}
	upto := f.expr + 1
	for upto < len(p.src) && p.src[upto] == ' ' {
		upto++
	}
	return []Expr{&Const{pos, p.src[off:upto]}, v}
}

func (p *parser) fieldExpr() Expr {
	x := p.starExprs()
	p.checkValue(x)
	return x
}
