'use strict';
// A04: listen at every address, close in the same tick
const net = require('node:net');
const { cb, note, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, cb('V', 'listen.cb'));
note('V', '.listening', server.listening);
server.close(cb('V', 'close.cb'));
note('V', '.listening', server.listening);
