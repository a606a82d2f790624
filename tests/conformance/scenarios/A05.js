'use strict';
// A05: listen at a host given as text, close in the same tick
const net = require('node:net');
const { cb, note, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen(0, '127.0.0.1', cb('V', 'listen.cb'));
note('V', '.listening', server.listening);
server.close(cb('V', 'close.cb'));
