'use strict';
// B31: write to a socket that was never connected
// deviation D-06: the argument of close
//   C error ERR_SOCKET_CLOSED "Socket is closed"
// - C close
// + C close false
const net = require('node:net');
const { cb, note, watch } = require('../trace.js');

const socket = watch(new net.Socket(), 'C');
note('C', 'write a ->', socket.write('a', cb('C', 'w.cb')));
note('C', '.destroyed', socket.destroyed);
