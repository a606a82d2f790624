'use strict';
// B37: connect to port 0
const net = require('node:net');
const { watch } = require('../trace.js');

watch(new net.Socket(), 'C').connect(0, '127.0.0.1');
