'use strict';
// B35: an idle timeout that is shorter than the lookup
const net = require('node:net');
const { serve, watch } = require('../trace.js');

serve(1, {}, (socket) => socket.end(), (port) => {
  const socket = watch(new net.Socket(), 'C', { data: true });
  const lookup = (host, options, callback) => {
    socket.once('timeout', () => setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }]));
  };
  socket.setTimeout(100);
  socket.connect({ port, host: 'slow.test', lookup });
});
