package procnet

import "tcpstate/lifecycle"

// Clocks returns the settings from which ages are computed, and reads only
// these. In all other respects it is like Settings.
func (p *Proc) Clocks() (lifecycle.Clocks, error) {
	settings, err := p.settings((*lifecycle.Setting).IsClock)
	if err != nil {
		return lifecycle.Clocks{}, err
	}
	return settings.Clocks(), nil
}
