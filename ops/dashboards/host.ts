import { dashboard, graph } from './panels.ts';

/** The machines, by prometheus-node-exporter. */

const DISKS = '{fstype!~"tmpfs|overlay|squashfs|ramfs"}';

export const host = dashboard({
  uid: 'flashsale-host',
  title: 'Flash sale: host',
  description: 'The machines. It needs prometheus-node-exporter on each of them.',
  sections: [
    {
      title: 'CPU and memory',
      panels: [
        graph({
          title: 'CPU in use',
          description: 'Share of all cores.',
          unit: 'percentunit',
          queries: {
            '{{instance}}':
              '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[30s]))',
          },
        }),
        graph({
          title: 'Load for each core',
          description: 'Above 1, processes wait for a core.',
          unit: 'short',
          queries: {
            '{{instance}}':
              'sum by (instance) (node_load1) / count by (instance) (node_cpu_seconds_total{mode="idle"})',
          },
        }),
        graph({
          title: 'Memory in use',
          description: 'Share that is not available to further processes.',
          unit: 'percentunit',
          queries: {
            '{{instance}}': '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
          },
        }),
      ],
    },
    {
      title: 'Disk',
      panels: [
        graph({
          title: 'Disk in use',
          description:
            'Share of each file system that is taken. PostgreSQL and RabbitMQ stop when theirs is full.',
          unit: 'percentunit',
          queries: {
            '{{instance}} {{mountpoint}}': `1 - node_filesystem_avail_bytes${DISKS} / node_filesystem_size_bytes${DISKS}`,
          },
        }),
        graph({
          title: 'Disk busy',
          description: 'Share of the time in which the disk had work.',
          unit: 'percentunit',
          queries: { '{{instance}} {{device}}': 'rate(node_disk_io_time_seconds_total[30s])' },
        }),
        graph({
          title: 'Time of a write',
          description: 'Each COMMIT and each confirmed message waits for one.',
          unit: 's',
          queries: {
            '{{instance}} {{device}}':
              'rate(node_disk_write_time_seconds_total[30s]) / (rate(node_disk_writes_completed_total[30s]) > 0)',
          },
        }),
      ],
    },
    {
      title: 'Network and clock',
      panels: [
        graph({
          title: 'Network',
          description: 'Received and sent, without loopback.',
          unit: 'Bps',
          queries: {
            'in {{instance}} {{device}}':
              'rate(node_network_receive_bytes_total{device!="lo"}[30s])',
            'out {{instance}} {{device}}':
              'rate(node_network_transmit_bytes_total{device!="lo"}[30s])',
          },
        }),
        graph({
          title: 'Open files',
          description: 'Share of what the machine allows. Each shopper who waits holds a socket.',
          unit: 'percentunit',
          queries: { '{{instance}}': 'node_filefd_allocated / node_filefd_maximum' },
        }),
        graph({
          title: 'Clock against the database',
          description: 'How far the clock of a process is ahead of its database server.',
          unit: 's',
          queries: {
            '{{instance}} {{dependency}}':
              'max by (instance, dependency) (abs(flashsale_clock_ahead_seconds))',
          },
        }),
        graph({
          title: 'Clock',
          description: 'Estimated error of the clock. Sales open by the clock of the database.',
          unit: 's',
          queries: { '{{instance}}': 'node_timex_maxerror_seconds' },
        }),
      ],
    },
  ],
});
