// Package penstock gives a step's program the values that it runs with, and takes what it has to say.
package penstock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// What the step runs with: the run's context, the item of a fanned-out step, the steps before it and their outputs,
// and the run itself (name, namespace, phase, failedSteps).
var Context, Item, Steps, Run = read()

// A Value is a value of JSON: null, a boolean, a number, a text, a list or an object.
type Value struct {
	content any // nil, bool, json.Number, string, []any or map[string]any
	path    string
}

// Get is the value that a path of keys (string) and positions (int) leads to: Steps.Get("charge", "output", "lines", 0).
// It panics, and says what there is instead, when there is no such value.
func (v Value) Get(path ...any) Value {
	for _, key := range path {
		next, why := v.step(key)
		if why != "" {
			panic("penstock: " + why)
		}
		v = next
	}
	return v
}

// Has says whether there is a value at the end of a path.
func (v Value) Has(path ...any) bool {
	for _, key := range path {
		next, why := v.step(key)
		if why != "" {
			return false
		}
		v = next
	}
	return true
}

// Text is the value as a string; it panics when it is not a text. See String for any value as text.
func (v Value) Text() string {
	text, ok := v.content.(string)
	if !ok {
		panic(v.isNot("a text"))
	}
	return text
}

// Int is the value as an int; it panics when it is no whole number, or too large for one.
func (v Value) Int() int {
	number, ok := v.content.(json.Number)
	if !ok {
		panic(v.isNot("a number"))
	}
	if whole, err := strconv.ParseInt(string(number), 10, strconv.IntSize); err == nil {
		return int(whole)
	}
	if float, err := number.Float64(); err == nil && float == math.Trunc(float) && math.Abs(float) <= 1<<53 {
		return int(float)
	}
	panic(v.isNot("a whole number that an int can hold") + "; String has its digits")
}

// Float is the value as a float64; it panics when it is no number.
func (v Value) Float() float64 {
	number, ok := v.content.(json.Number)
	if !ok {
		panic(v.isNot("a number"))
	}
	float, err := number.Float64()
	if err != nil {
		panic(v.isNot("a number that a float64 can hold"))
	}
	return float
}

// Bool is the value as a bool; it panics when it is neither true nor false.
func (v Value) Bool() bool {
	yes, ok := v.content.(bool)
	if !ok {
		panic(v.isNot("true or false"))
	}
	return yes
}

// List is the values of a list; it panics when the value is none.
func (v Value) List() []Value {
	items, ok := v.content.([]any)
	if !ok {
		panic(v.isNot("a list"))
	}
	values := make([]Value, len(items))
	for at, item := range items {
		values[at] = Value{item, fmt.Sprintf("%s[%d]", v.path, at)}
	}
	return values
}

// Keys is the names of an object's values, sorted; it panics when the value is no object.
func (v Value) Keys() []string {
	object, ok := v.content.(map[string]any)
	if !ok {
		panic(v.isNot("an object"))
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// IsNull says whether the value is null.
func (v Value) IsNull() bool { return v.content == nil }

// Decode stores the value in a variable of the program's own type, as json.Unmarshal does.
func (v Value) Decode(target any) error {
	data, err := encode(v.content)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, target)
}

// String is a text as it is, and any other value as JSON.
func (v Value) String() string {
	if text, ok := v.content.(string); ok {
		return text
	}
	data, err := encode(v.content)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// MarshalJSON makes a value part of an output exactly as it came.
func (v Value) MarshalJSON() ([]byte, error) { return encode(v.content) }

// Output sets the step's output to what encoding/json makes of the value; the last call counts.
func Output(value any) {
	data, err := encode(value)
	if err != nil {
		panic(fmt.Sprintf("penstock: Output: %v", err))
	}
	state([]byte(`{"output":`), data, []byte("}"))
}

// Fail ends the step as failed, with a code for programs and a reason for people.
func Fail(code, reason string) {
	stateObject("fail", map[string]any{"code": code, "reason": reason})
	os.Exit(1)
}

// Progress says how far the step is; total may be nil.
func Progress(current, total any, message ...string) {
	said := map[string]any{"current": current, "total": total, "message": strings.Join(message, " ")}
	stateObject("progress", said)
}

func read() (context, item, steps, run Value) {
	version := strings.TrimPrefix(strings.Fields(runtime.Version())[0], "go")
	state([]byte(`{"interpreter":"Go ` + version + `"}`))
	data, err := os.ReadFile(os.Getenv("PENSTOCK_CONTEXT_FILE"))
	if err != nil {
		panic(fmt.Sprintf("penstock: this works only inside a step: %v", err))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // a float64 cannot hold 2^53 + 1
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		panic(fmt.Sprintf("penstock: the context file: %v", err))
	}
	of := func(name string) Value { return Value{values[name], name} }
	return of("context"), of("item"), of("steps"), of("run")
}

func (v Value) step(key any) (Value, string) {
	switch key := key.(type) {
	case string:
		object, ok := v.content.(map[string]any)
		if !ok {
			return Value{}, fmt.Sprintf("%s is %s, so there is no %q in it", v.path, kind(v.content), key)
		}
		if content, ok := object[key]; ok {
			return Value{content, v.path + "." + key}, ""
		}
		return Value{}, fmt.Sprintf("there is no %q in %s; there is: %s", key, v.path, listed(v.Keys()))
	case int:
		items, ok := v.content.([]any)
		if !ok {
			return Value{}, fmt.Sprintf("%s is %s, so it has no position %d", v.path, kind(v.content), key)
		}
		if key >= 0 && key < len(items) {
			return Value{items[key], fmt.Sprintf("%s[%d]", v.path, key)}, ""
		}
		return Value{}, fmt.Sprintf("%s has %d values, so it has no position %d", v.path, len(items), key)
	}
	return Value{}, fmt.Sprintf("a path is made of string and int, not of %T", key)
}

func (v Value) isNot(what string) string {
	return fmt.Sprintf("penstock: %s is %s, not %s", v.path, kind(v.content), what)
}

func kind(content any) string {
	switch content := content.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(content)
	case json.Number:
		return "the number " + string(content)
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}

func listed(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and more"
	}
	return strings.Join(names, ", ")
}

func stateObject(name string, value any) {
	data, err := encode(map[string]any{name: value})
	if err != nil {
		panic(fmt.Sprintf("penstock: %s: %v", name, err))
	}
	state(data)
}

// One statement is one write, so that those of several processes do not mix.
func state(pieces ...[]byte) {
	file, err := os.OpenFile(os.Getenv("PENSTOCK_OUTPUT"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = file.Write(append(bytes.Join(pieces, nil), '\n'))
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("penstock: this works only inside a step: %v", err))
	}
}

// JSON without the escapes that HTML would need.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}
