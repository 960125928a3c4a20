package cmd

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"tcpstate/wording"
)

// configuration is what a user can set in a file. A pointer is nil if the file does
// not have the key.
type configuration struct {
	Watch struct {
		Columns  []string `toml:"columns"`
		Sort     *string  `toml:"sort"`
		By       *string  `toml:"by"`
		Theme    *string  `toml:"theme"`
		Mouse    *bool    `toml:"mouse"`
		Interval *string  `toml:"interval"`
	} `toml:"watch"`

	file string // from which it was read; "": there is none
}

// configFile returns the file to read, by the XDG Base Directory Specification:
// tcpstate/config.toml in $XDG_CONFIG_HOME, or in ~/.config. The specification
// ignores a path that is not absolute. The result is "" if no directory is known.
func configFile(env *environment) string {
	dir := env.getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home := env.getenv("HOME")
		if !filepath.IsAbs(home) {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "tcpstate", "config.toml")
}

// readConfiguration reads the file that --config names. If named is "", it reads the
// file of the user, which need not exist. It may also lie in a directory that is
// closed to the user: su and sudo can leave the HOME of another user.
func readConfiguration(named string, env *environment) (*configuration, error) {
	file := named
	if named == "" {
		if file = configFile(env); file == "" {
			return new(configuration), nil
		}
	}
	if _, err := os.Stat(file); named == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return new(configuration), nil
	}
	content, err := readWhole(file, named != "")
	if err != nil {
		return nil, wording.Wrap(causeOf(err), "cmd.config.reading", "file", file)
	}
	c, err := parseConfiguration(content)
	if err != nil {
		return nil, misused(wording.Wrap(err, "cmd.config.reading", "file", file))
	}
	c.file = file
	return c, nil
}

// maxConfiguration is more than any file of this kind has, in bytes.
const maxConfiguration = 64 << 10

// readWhole reads a file. If the user did not name it, it must be a regular file: a
// named pipe would block.
func readWhole(file string, named bool) ([]byte, error) {
	if info, err := os.Stat(file); err != nil {
		return nil, err
	} else if !named && !info.Mode().IsRegular() {
		return nil, wording.Fail("cmd.config.not-file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxConfiguration+1))
	if err == nil && len(content) > maxConfiguration {
		return nil, wording.Fail("cmd.config.too-long", "n", maxConfiguration)
	}
	return content, err
}

// causeOf removes the operation and the name of the file from an error.
func causeOf(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// parseConfiguration parses a file. A key that does not exist is an error with its
// line.
func parseConfiguration(content []byte) (*configuration, error) {
	c := new(configuration)
	err := toml.NewDecoder(bytes.NewReader(content)).DisallowUnknownFields().Decode(c)
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		line, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		return nil, wording.Fail("cmd.config.key", "line", line, "key", key).WithChoices(key, configurationKeys()...)
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := wrong.Position()
		return nil, wording.Wrap(errors.New(strings.TrimPrefix(wrong.Error(), "toml: ")), "cmd.config.line", "line", line)
	}
	return c, err
}

// configurationKeys returns all keys, with their tables before them.
func configurationKeys() []string {
	var keys []string
	watch := reflect.TypeOf(configuration{}.Watch)
	for i := range watch.NumField() {
		keys = append(keys, "watch."+watch.Field(i).Tag.Get("toml"))
	}
	return keys
}

// wrong returns an error in the value of a key of the table watch.
func (c *configuration) wrong(key string, cause error) error {
	return wording.Wrap(cause, "cmd.config.value", "file", c.file, "key", "watch."+key)
}

// interval returns the interval of the file, or 0 if it has none.
func (c *configuration) interval() (time.Duration, error) {
	if c.Watch.Interval == nil {
		return 0, nil
	}
	d, err := time.ParseDuration(*c.Watch.Interval)
	if err != nil || d <= 0 {
		return 0, c.wrong("interval", wording.Fail("cmd.config.interval", "value", *c.Watch.Interval).WithHint("cmd.flag.times"))
	}
	return d, nil
}
