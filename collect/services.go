package collect

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

// servicesFile is the file in which a host keeps the names of services,
// services(5).
const servicesFile = "/etc/services"

// services are the names of TCP ports. If a port has several names, the first
// is shown, as in getservbyport(3). Each of them can be used to name the port.
type services struct {
	names map[uint16]string
	ports map[string]uint16
}

// openServices returns the names in the file. For ports and names that the file
// does not have, it adds those of wellKnown: the file may be short, or missing,
// as in most containers.
func openServices(path string) *services {
	s := &services{names: map[uint16]string{}, ports: map[string]uint16{}}
	if file, err := os.Open(path); err == nil {
		s.parse(file)
		file.Close()
	}
	s.parse(strings.NewReader(wellKnown))
	return s
}

// parse adds the services in the format of services(5) whose port or name is
// not known yet. It skips lines that it cannot parse.
func (s *services) parse(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, isTCP := strings.CutSuffix(fields[1], "/tcp")
		n, err := strconv.ParseUint(number, 10, 16)
		if port := uint16(n); err == nil && isTCP && port != 0 {
			s.add(port, fields[0])
			for _, alias := range fields[2:] {
				s.add(port, alias)
			}
		}
	}
}

func (s *services) add(port uint16, name string) {
	if _, known := s.names[port]; !known {
		s.names[port] = name
	}
	if _, known := s.ports[name]; !known {
		s.ports[name] = port
	}
}

// name returns the name of the port, or "" if it has none.
func (s *services) name(port uint16) string { return s.names[port] }

// port returns the port of the service with the name. It tries the name as it
// is written, then in lower case.
func (s *services) port(name string) (uint16, bool) {
	port, known := s.ports[name]
	if !known {
		port, known = s.ports[strings.ToLower(name)]
	}
	return port, known
}

// wellKnown lists well-known services in the format of services(5), from IANA's
// Service Name and Transport Protocol Port Number Registry. The aliases are
// those in common use.
const wellKnown = `
echo            7/tcp
discard         9/tcp
daytime         13/tcp
chargen         19/tcp
ftp-data        20/tcp
ftp             21/tcp
ssh             22/tcp
telnet          23/tcp
smtp            25/tcp mail
time            37/tcp
whois           43/tcp
domain          53/tcp dns
gopher          70/tcp
finger          79/tcp
http            80/tcp www
kerberos        88/tcp
pop3            110/tcp
sunrpc          111/tcp portmapper rpcbind
auth            113/tcp ident
nntp            119/tcp
epmap           135/tcp
netbios-ssn     139/tcp
imap            143/tcp imap2
snmp            161/tcp
bgp             179/tcp
irc             194/tcp
ldap            389/tcp
https           443/tcp
microsoft-ds    445/tcp smb
kpasswd         464/tcp
submissions     465/tcp smtps
exec            512/tcp
login           513/tcp
shell           514/tcp
printer         515/tcp
rtsp            554/tcp
nntps           563/tcp
submission      587/tcp
ipp             631/tcp
ldaps           636/tcp
kerberos-adm    749/tcp
domain-s        853/tcp
rsync           873/tcp
ftps-data       989/tcp
ftps            990/tcp
telnets         992/tcp
imaps           993/tcp
pop3s           995/tcp
socks           1080/tcp
openvpn         1194/tcp
ms-sql-s        1433/tcp mssql
pptp            1723/tcp
mqtt            1883/tcp
nfs             2049/tcp
etcd-client     2379/tcp etcd
etcd-server     2380/tcp
iscsi-target    3260/tcp
mysql           3306/tcp
ms-wbt-server   3389/tcp rdp
stun            3478/tcp
svn             3690/tcp
sieve           4190/tcp
epmd            4369/tcp
sip             5060/tcp
sips            5061/tcp
xmpp-client     5222/tcp
xmpp-server     5269/tcp
postgresql      5432/tcp postgres
nrpe            5666/tcp
amqps           5671/tcp
amqp            5672/tcp
rfb             5900/tcp vnc
couchdb         5984/tcp
x11             6000/tcp
redis           6379/tcp
syslog-tls      6514/tcp
ircs-u          6697/tcp
http-alt        8080/tcp
puppet          8140/tcp
secure-mqtt     8883/tcp
pdl-datastream  9100/tcp jetdirect
git             9418/tcp
zabbix-agent    10050/tcp
zabbix-trapper  10051/tcp
memcache        11211/tcp memcached
mongodb         27017/tcp
`
