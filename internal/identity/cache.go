package identity

import "time"

// A cache holds at most limit entries, and at least the limit/2 that were
// used last: when the newer half is full, the older one is forgotten.
type cache[K comparable, V any] struct {
	half         int
	newer, older map[K]V
}

func newCache[K comparable, V any](limit int) cache[K, V] {
	return cache[K, V]{half: limit / 2, newer: make(map[K]V)}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	v, ok := c.newer[k]
	if ok {
		return v, true
	}
	if v, ok = c.older[k]; ok {
		c.put(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	if _, ok := c.newer[k]; !ok && len(c.newer) >= c.half {
		c.older, c.newer = c.newer, make(map[K]V)
	}
	c.newer[k] = v
}

func (c *cache[K, V]) len() int { return len(c.newer) + len(c.older) }

// A looked is an answer and when it was given.
type looked[T any] struct {
	value T
	at    time.Time
}
