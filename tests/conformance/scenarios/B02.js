'use strict';
// B02: connect to a name that has one address
const net = require('node:net');
const { log, note, serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.end(), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  const lookup = (host, { all, family }, callback) => {
    log('lookup', `${host} ${all ? 'all' : 'one'} ${family || 'any'}`);
    process.nextTick(callback, null, [{ address: '127.0.0.1', family: 4 }]);
  };
  socket.connect({ port, host: 'one.test', lookup });
  note('C', '.readyState', socket.readyState);
  socket.on('ready', () => note('C', '.remoteAddress', socket.remoteAddress));
});
