'use strict';
// B16: destroy in the first of two lookup events
const net = require('node:net');
const { answering, watch } = require('../trace.js');

const socket = watch(new net.Socket(), 'C');
socket.connect({ port: 1, host: 'two.test', lookup: answering('127.0.0.1', '127.0.0.2') });
socket.on('lookup', () => socket.destroy());
