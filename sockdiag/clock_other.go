//go:build !linux

package sockdiag

import "time"

// UnsetClock returns 0: only Linux has these clocks.
func UnsetClock() time.Duration { return 0 }
