// Package jsonkeys finds keys that a JSON object has twice. Encoding/json takes the
// last one and says nothing.
package jsonkeys
