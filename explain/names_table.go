package explain

// otherNames maps other folded spellings of a topic to its name. Spellings of
// states that tcp.ParseState reads are not in it.
var otherNames = map[string]string{
	"ss": "SYN_SENT", "sr": "SYN_RECV", "est": "ESTABLISHED", "fw1": "FIN_WAIT1", "fw2": "FIN_WAIT2",
	"tw": "TIME_WAIT", "cw": "CLOSE_WAIT", "la": "LAST_ACK", "bound": "BOUND_INACTIVE",
	"listener": "LISTEN", "orphan": "FIN_WAIT2", "orphans": "FIN_WAIT1",

	"threewayhandshake": "handshake", "3wayhandshake": "handshake", "3whs": "handshake", "open": "handshake",
	"synack": "handshake", "isn": "handshake", "initialsequencenumber": "handshake",
	"fourwayhandshake": "teardown", "termination": "teardown", "shutdown": "linger",
	"rst": "reset", "synattack": "syn-flood", "dos": "syn-flood", "ddos": "syn-flood", "cookies": "syn-cookies",
	"synqueue": "backlog", "acceptqueue": "backlog", "ephemeralports": "port-exhaustion",
	"msl": "2msl", "rto": "timers", "timer": "timers", "timeout": "timers", "timeouts": "timers", "deadpeer": "half-open", "ports": "protocols",

	// Questions.
	"whythreewayhandshake": "why-three", "whythreehandshakes": "why-three", "why3": "why-three",
	"whyfourwayhandshake": "why-four", "whyfourhandshakes": "why-four", "why4": "why-four",
	"whynottwowayhandshake": "why-not-two", "whynot2": "why-not-two", "twowayhandshake": "why-not-two",
	"why2msl": "2msl", "clientcrash": "client-died", "clientcrashed": "client-died", "serverdied": "client-died",
	"manytimewait": "TIME_WAIT", "toomanytimewait": "TIME_WAIT", "manyclosewait": "CLOSE_WAIT", "toomanyclosewait": "CLOSE_WAIT",

	// Sysctls, without net.ipv4 and net.core.
	"tcpsynretries": "SYN_SENT", "tcpsynlineartimeouts": "SYN_SENT", "tcpsynackretries": "SYN_RECV",
	"tcpretries1": "timers", "tcpretries2": "timers", "tcprtominus": "timers", "tcprtomaxms": "timers",
	"tcporphanretries": "FIN_WAIT1", "tcpmaxorphans": "FIN_WAIT1", "tcpmem": "reset", "tcpfintimeout": "FIN_WAIT2",
	"tcpkeepalivetime": "keepalive", "tcpkeepaliveintvl": "keepalive", "tcpkeepaliveprobes": "keepalive",
	"somaxconn": "backlog", "tcpmaxsynbacklog": "backlog", "tcpabortonoverflow": "backlog", "tcpsyncookies": "syn-cookies",
	"tcpmaxtwbuckets": "TIME_WAIT", "tcptwreuse": "TIME_WAIT", "tcptwreusedelay": "TIME_WAIT", "tcptwrecycle": "TIME_WAIT",
	"tcptwtimeout": "TIME_WAIT", "tcptimewaitlen": "2msl", "tcprfc1337": "why-time-wait",
	"iplocalportrange": "port-exhaustion", "iplocalreservedports": "port-exhaustion",

	// Options of sockets.
	"sokeepalive": "keepalive", "tcpkeepidle": "keepalive", "tcpkeepintvl": "keepalive", "tcpkeepcnt": "keepalive",
	"tcpdeferaccept": "SYN_RECV", "shutwr": "half-close", "shutrd": "half-close", "shutrdwr": "half-close",

	"solinger": "linger", "tcplinger2": "FIN_WAIT2", "tcpusertimeout": "timers", "tcpsyncnt": "timers",

	// Errors of calls.
	"eaddrinuse": "address-in-use", "addressalreadyinuse": "address-in-use", "portinuse": "address-in-use",
	"soreuseaddr": "address-in-use", "soreuseport": "address-in-use", "eaddrnotavail": "port-exhaustion", "econnreset": "reset", "connectionreset": "reset", "connectionresetbypeer": "reset",
	"epipe": "reset", "brokenpipe": "reset", "sigpipe": "reset", "etimedout": "client-died", "connectiontimedout": "client-died",
	"ehostunreach": "client-died", "emfile": "CLOSE_WAIT", "toomanyopenfiles": "CLOSE_WAIT",
	"econnrefused": "reset", "connectionrefused": "reset",

	// Counters, without TcpExt and Tcp.
	"listenoverflows": "backlog", "listendrops": "backlog", "reqqfulldocookies": "syn-cookies", "reqqfulldrop": "syn-flood",
	"tcpreqqfulldocookies": "syn-cookies", "tcpreqqfulldrop": "syn-flood",
	"syncookiessent": "syn-cookies", "syncookiesrecv": "syn-cookies", "syncookiesfailed": "syn-cookies",
	"activeopens": "handshake", "passiveopens": "handshake", "attemptfails": "handshake",
	"estabresets": "reset", "outrsts": "reset", "tcpabortondata": "linger", "tcpabortonclose": "linger",
	"tcpabortontimeout": "reset", "tcpabortonmemory": "reset", "tcpkeepalive": "keepalive", "currestab": "ESTABLISHED",
	"tcpchallengeack": "challenge-ack", "tcpsynchallenge": "challenge-ack",
	"tcpackskippedchallenge": "challenge-ack", "tcpchallengeacklimit": "challenge-ack", "tcpinvalidratelimit": "challenge-ack", "rfc5961": "challenge-ack",
	"netstats": "netstat-words", "nstat": "netstat-words", "counters": "netstat-words", "计数器": "netstat-words", "retranssegs": "netstat-words",
	"persist": "zero-window", "persisttimer": "zero-window", "tcpwinprobe": "zero-window", "windowprobe": "zero-window",
	"tcptozerowindowadv": "zero-window", "tcptimewaitoverflow": "TIME_WAIT", "twrecycled": "TIME_WAIT", "twkilled": "TIME_WAIT", "tcpsynretrans": "SYN_SENT",

	// Protocols.
	"http": "protocols", "https": "protocols", "ftp": "protocols", "telnet": "protocols", "ssh": "protocols",
	"smtp": "protocols", "pop3": "protocols", "imap": "protocols", "dns": "protocols",

	"三次握手": "handshake", "三路握手": "handshake", "握手": "handshake", "tcp握手": "handshake",
	"第一次握手": "handshake", "第二次握手": "handshake", "第三次握手": "handshake", "初始序列号": "handshake",
	"四次挥手": "teardown", "三次挥手": "teardown", "挥手": "teardown", "断开连接": "teardown",
	"第一次挥手": "teardown", "第二次挥手": "teardown", "第三次挥手": "teardown", "第四次挥手": "teardown",
	"半关闭": "half-close", "半打开": "half-open", "同时打开": "simultaneous-open", "同时关闭": "simultaneous-close",
	"复位": "reset", "重置": "reset", "连接重置": "reset", "连接被重置": "reset",
	"保活": "keepalive", "保活机制": "keepalive", "心跳": "keepalive", "长连接": "keepalive", "短连接": "TIME_WAIT",
	"半连接队列": "backlog", "全连接队列": "backlog", "半连接": "backlog", "全连接": "backlog",
	"半连接队列与全连接队列": "backlog", "半连接队列和全连接队列": "backlog",
	"洪水攻击": "syn-flood", "洪泛攻击": "syn-flood", "syn洪水": "syn-flood", "syn洪水攻击": "syn-flood", "syn洪泛": "syn-flood",
	"syn洪泛攻击": "syn-flood", "syn泛洪": "syn-flood", "syn泛洪攻击": "syn-flood", "syn攻击": "syn-flood", "拒绝服务攻击": "syn-flood",
	"syncookie": "syn-cookies", "端口耗尽": "port-exhaustion", "应用层协议": "protocols", "端口号": "protocols",
	"最大报文段寿命": "2msl", "最长报文段寿命": "2msl", "报文最大生存时间": "2msl", "为什么是2msl": "2msl", "为什么等待2msl": "2msl",
	"四元组": "port-exhaustion", "孤儿连接": "FIN_WAIT1", "孤儿套接字": "FIN_WAIT1",
	"两次握手": "why-not-two", "为什么不能两次握手": "why-not-two", "为什么不能是两次握手": "why-not-two", "为什么不是两次握手": "why-not-two",
	"为什么三次握手": "why-three", "为什么是三次握手": "why-three", "为什么需要三次握手": "why-three", "为什么要三次握手": "why-three",
	"为什么四次挥手": "why-four", "为什么是四次挥手": "why-four", "为什么需要四次挥手": "why-four", "为什么要四次挥手": "why-four",
	"为什么要有timewait": "why-time-wait", "为什么需要timewait": "why-time-wait",
	"客户端死了会怎样": "client-died", "客户端崩溃": "client-died", "客户端宕机": "client-died", "客户端断电": "client-died",
	"客户端故障": "client-died", "客户端突然故障会怎样": "client-died", "拔网线": "client-died",
	"timewait过多": "TIME_WAIT", "大量timewait": "TIME_WAIT", "closewait过多": "CLOSE_WAIT", "大量closewait": "CLOSE_WAIT",
	"synrecv过多": "SYN_RECV", "大量synrecv": "SYN_RECV", "大量synsent": "SYN_SENT", "大量finwait2": "FIN_WAIT2",
	"定时器": "timers", "超时": "timers", "超时重传": "timers", "重传": "timers", "close和shutdown的区别": "linger", "优雅关闭": "linger",
	"地址已被占用": "address-in-use", "地址已在使用": "address-in-use", "端口被占用": "address-in-use", "端口占用": "address-in-use",
	"零窗口": "zero-window", "窗口探测": "zero-window", "坚持定时器": "zero-window",
	"握手丢失": "handshake", "挥手丢失": "teardown", "第三次握手丢失": "handshake", "第一次握手丢失": "SYN_SENT", "第二次握手丢失": "SYN_RECV",
}
