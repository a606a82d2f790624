'use strict';
// B23: connect from a port that is in use
const net = require('node:net');
const { serve, watch } = require('../trace.js');

serve(0, {}, null, (port) => {
  watch(new net.Socket(), 'C').connect({ port, host: '127.0.0.1', localPort: port });
});
