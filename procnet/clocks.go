package procnet

import "tcpstate/lifecycle"

// Clocks returns the settings that ages are told from, and reads no others. It
// is Settings in all else.
func (p *Proc) Clocks() (lifecycle.Clocks, error) {
	settings, err := p.settings((*lifecycle.Setting).IsClock)
	if err != nil {
		return lifecycle.Clocks{}, err
	}
	return settings.Clocks(), nil
}
