'use strict';
// B15: destroy before the lookup for one address has answered
// deviation D-54: nothing after close
//   C close false
// - C lookup 127.0.0.1 4 late.test
const net = require('node:net');
const { settle, watch } = require('../trace.js');

let answer;
const socket = watch(new net.Socket(), 'C');
socket.connect({ port: 1, host: 'late.test', lookup: (host, options, callback) => (answer = callback), autoSelectFamily: false });
setImmediate(() => {
  socket.destroy();
  settle(() => answer(null, '127.0.0.1', 4));
});
