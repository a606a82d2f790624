'use strict';
// B36: a lookup that answers at once
// deviation D-51: nothing is emitted inside the call
//   log before
// - C lookup 127.0.0.1 4 quick.test
// - C connectionAttempt 127.0.0.1 <V> 4
//   log after
//   log tick
// + C lookup 127.0.0.1 4 quick.test
// + C connectionAttempt 127.0.0.1 <V> 4
const net = require('node:net');
const { inOrder, log, refusedPort, tick, watch } = require('../trace.js');

inOrder();
refusedPort('V', (port) => {
  const socket = watch(new net.Socket(), 'C');
  log('log', 'before');
  const lookup = (host, options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]);
  socket.connect({ port, host: 'quick.test', lookup });
  log('log', 'after');
  tick('tick');
});
