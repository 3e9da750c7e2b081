# lfvideo-sr on a CPU:
#   docker build -t lfvideo-sr .
#   docker run --rm -v "$PWD:/data" --user "$(id -u):$(id -g)" lfvideo-sr stream in.mp4
# With an NVIDIA GPU and its container toolkit: build with --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128
# and run with --gpus all.
FROM python:3.12-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision
COPY . /src
RUN pip install --no-cache-dir '/src[onnx,heif]' && rm -rf /src
ENV LFVIDEO_CACHE=/tmp/lfvideo-sr HOME=/tmp
WORKDIR /data
ENTRYPOINT ["lfvideo-sr"]
CMD ["--help"]
