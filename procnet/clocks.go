package procnet

import "tcpstate/tcp"

// Clocks returns the settings that ages are told from, and reads no others. It
// is Settings in all else.
func (p *Proc) Clocks() (tcp.Clocks, error) {
	settings, err := p.settings((*tcp.Setting).IsClock)
	if err != nil {
		return tcp.Clocks{}, err
	}
	return settings.Clocks(), nil
}
