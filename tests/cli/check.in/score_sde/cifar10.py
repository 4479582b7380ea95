from configs.default_cifar10_configs import get_default_configs


def get_config():
  config = get_default_configs()
  config.model.num_scales = 232
  return config
